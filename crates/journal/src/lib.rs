//! An ordered, durable, fenced log per partition behind one trait; the local segmented file.
