//! The contract of a state machine: command, event, refusal, effect, decide, apply, tables.
