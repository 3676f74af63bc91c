"""Locust's user and shape of an open run: one user a worker, until everything is answered."""

from __future__ import annotations

from locust import FastHttpUser, LoadTestShape, constant, task

from loadtests.generator.parts import part_of


class OpenArrivals(FastHttpUser):
    """One a worker: it starts the worker's share, and stands for it in Locust's pages."""

    host = "http://127.0.0.1"
    wait_time = constant(1)

    @task
    def play(self) -> None:
        """Take part; asked again, it goes on."""
        part_of(self.environment).begin()


class AsScheduled(LoadTestShape):
    """As many users as workers, until the run is over."""

    def tick(self) -> tuple[int, float] | None:
        """Users and how many of them a second; None ends the test."""
        assert self.runner is not None
        part = part_of(self.runner.environment)
        part.look()
        return None if part.over else (part.users(), float(part.users()))
