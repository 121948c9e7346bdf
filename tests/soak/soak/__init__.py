"""Random load and faults, see ../run."""
