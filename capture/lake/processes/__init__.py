"""The processes beside a recorder, one file each: they roll, seal and check a lake while it records."""
