"""The dry run: the very runner and steps of the weekend over controls that only note what they are asked.

So the list of actions can't say something else than what will be done: there is no second description of a step.
"""
