//! Ids of requests. An id is made once, before the first attempt, and stays the same in every retry.

/// A new request id: 32 lower-case hexadecimal digits of chance.
///
/// # Panics
/// When the operating system has no random numbers, without which no two ids are sure to differ.
#[must_use]
#[expect(clippy::expect_used, reason = "an id that is not random could join two requests")]
pub fn request_id() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// Gives a write an id if its caller gave none.
pub(crate) fn fill(id: &mut String) {
    if id.is_empty() {
        *id = request_id();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_a_given_one_stays() {
        assert_ne!(request_id(), request_id());
        let mut id = "mine".to_owned();
        fill(&mut id);
        assert_eq!(id, "mine");
        id.clear();
        fill(&mut id);
        assert_eq!(id.len(), 32);
    }
}
