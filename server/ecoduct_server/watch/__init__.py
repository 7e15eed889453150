"""Findings and alerts, derived from whole windows and reconciled."""
