//! Rows on disk: atomic durable commits over sled, and the vault of subject keys.
