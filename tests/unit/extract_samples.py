"""Number formats and files that tests of the extracts share."""

from router.dualrun.policy import NumberFormat

POINT = NumberFormat()
COMMA = NumberFormat(decimal=",")
ENGLISH = NumberFormat(grouping=",")
GERMAN = NumberFormat(decimal=",", grouping=".")
FRENCH = NumberFormat(decimal=",", grouping="\u202f")
SWISS = NumberFormat(grouping="'")
FORMATS = (POINT, COMMA, ENGLISH, GERMAN, FRENCH, SWISS, NumberFormat(decimal=",", grouping=" "))
