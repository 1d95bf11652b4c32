//! What somebody is known by, as it is typed: the same flags as those that find orders.

use anyhow::bail;
use waybill_client::proto::customers::v1::{IdentityKind, IdentityValue};

/// Identities; most commands take one of them, once.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Known {
    /// Phone in E.164 form, such as +12025550123.
    #[arg(long)]
    phone: Vec<String>,
    /// E-mail address.
    #[arg(long)]
    email: Vec<String>,
    /// The channel's id of the customer.
    #[arg(long)]
    customer: Vec<String>,
    /// Member card.
    #[arg(long)]
    card: Vec<String>,
    /// Id in a social network, such as wechat:oXy7.
    #[arg(long)]
    social: Vec<String>,
}

impl Known {
    /// All of them, strongest kind first.
    pub(super) fn all(&self) -> Vec<IdentityValue> {
        let kinds = [
            (IdentityKind::CustomerId, &self.customer),
            (IdentityKind::MemberCard, &self.card),
            (IdentityKind::SocialId, &self.social),
            (IdentityKind::Email, &self.email),
            (IdentityKind::Phone, &self.phone),
        ];
        let values =
            kinds.into_iter().flat_map(|(kind, values)| values.iter().map(move |value| (kind, value)));
        values.map(|(kind, value)| IdentityValue { kind: kind.into(), value: value.clone() }).collect()
    }

    /// The only one; `None` when none is given.
    ///
    /// # Errors
    /// More than one is given.
    pub(super) fn one(&self) -> anyhow::Result<Option<IdentityValue>> {
        let mut all = self.all();
        if all.len() > 1 {
            bail!("{} identities are given, one is asked for", all.len());
        }
        Ok(all.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args, FromArgMatches};

    fn typed(words: &[&str]) -> Known {
        let command = Known::augment_args(clap::Command::new("known").no_binary_name(true));
        Known::from_arg_matches(&command.try_get_matches_from(words).unwrap()).unwrap()
    }

    #[test]
    fn an_identity_is_typed_as_a_flag_of_its_kind() {
        let known = typed(&["--phone", "+493012345678"]).one().unwrap().unwrap();
        assert_eq!((known.kind(), known.value.as_str()), (IdentityKind::Phone, "+493012345678"));
        assert!(typed(&[]).one().unwrap().is_none());
    }

    #[test]
    fn several_are_taken_where_several_make_sense_and_refused_elsewhere() {
        let known = typed(&["--phone", "+49301", "--card", "M-1", "--phone", "+49302"]);
        let kinds: Vec<_> = known.all().iter().map(IdentityValue::kind).collect();
        assert_eq!(kinds, [IdentityKind::MemberCard, IdentityKind::Phone, IdentityKind::Phone]);
        assert!(known.one().unwrap_err().to_string().starts_with("3 identities"));
    }
}
