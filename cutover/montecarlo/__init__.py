"""Many rehearsals of one plan: the probability that it fits, what decides that, and what buys most (D13).

Seeds are rehearsed in processes of their own (`runs`, `worker`), each leaving one row; everything said about
them is a pure function of the rows (`summary`, `critical`, `limits`, `sensitivity`), and `page` shows it.
Nothing here rehearses by itself or decides a step: that is `cutover.rehearsal` and `cutover.runner`.
"""
