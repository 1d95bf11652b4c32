//! Booted nodes, journeys, simulator, fault tests, clients in other languages.
