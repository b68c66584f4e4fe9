"""Alerts: troubles and news of an account become messages, told by actions that the settings name, each once."""
