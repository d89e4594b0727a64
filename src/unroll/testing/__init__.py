"""Conformance suites: what a task, a model, a store and an executor promise, as tests that anyone can inherit.

::

    from unroll.testing.tasks import TaskConformance

    class TestMine(TaskConformance):
        ...
"""
