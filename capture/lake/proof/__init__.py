"""Is what lies in a lake what the tape gives, and what makes it so: verify, recover, rebuild, prune."""
