"""Billing: the plan (pure), the journal, and the run that carries out a plan once."""
