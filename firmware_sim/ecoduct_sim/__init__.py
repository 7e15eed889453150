"""Collars without animals: a simulator that shares no code with the programs it is a test for."""
