"""The report of a run: JSON, JUnit and one page of HTML, beside an earlier run if there is one. Facts in, bytes out."""
