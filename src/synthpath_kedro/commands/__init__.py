"""The commands ``kedro study ...``, one file each."""
