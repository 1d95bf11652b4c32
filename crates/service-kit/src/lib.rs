//! What every service shares: config, telemetry, the caller's identity, health, errors to gRPC status.
