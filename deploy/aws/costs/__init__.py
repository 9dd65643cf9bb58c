"""What a month costs in each size: ``docs/reference/costs.md``, computed and never typed.

How much of everything runs comes from the template and its sizes; what people do with it is assumed
in :mod:`deploy.aws.costs.uses`; what a unit costs stands in ``deploy/prices.yaml`` with its date.
"""
