"""The highest rate at which the verdict still passes, by bisection."""
