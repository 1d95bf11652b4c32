//! The partition runtime: queue, decide, apply, journal, answer, effects, checkpoint, recover.
