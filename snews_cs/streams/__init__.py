"""The only room that knows hop: messages in from the observation topic, alerts out to the alert topic."""
