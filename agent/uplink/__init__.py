"""The way to the collector: outbox -> MQTT -> receipt."""
