//! The pure order machine: what the customer wants and is owed.
