//! Who should own which partition. A pure function of what all processes see alike: as even as can be, with what each
//! owns already left where it is.

use std::collections::BTreeMap;
use waybill_types::PartitionId;

/// What is known of one partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Who owns it now.
    pub(super) owner: Option<String>,
    /// Who shall, where somebody asked for that.
    pub(super) wish: Option<String>,
}

/// Names an owner for each of the partitions of one service among those able to own them; nobody where nobody is able.
pub(super) fn spread(
    partitions: &BTreeMap<PartitionId, Known>,
    able: &[String],
) -> BTreeMap<PartitionId, String> {
    let mut named = BTreeMap::new();
    if able.is_empty() {
        return named;
    }
    let is_able = |name: &String| able.contains(name);
    let mut load: BTreeMap<&String, usize> = able.iter().map(|name| (name, 0)).collect();
    for (id, known) in partitions {
        if let Some(wish) = known.wish.as_ref().filter(|wish| is_able(wish)) {
            named.insert(*id, wish.clone());
            *load.entry(wish).or_default() += 1;
        }
    }
    let quotas = quotas(partitions, able);
    // What somebody owns stays, up to the owner's share.
    for (id, known) in partitions {
        let Some(owner) = known.owner.as_ref().filter(|owner| is_able(owner)) else { continue };
        let (count, most) = (load.entry(owner).or_default(), quotas.get(owner).copied().unwrap_or(0));
        if !named.contains_key(id) && *count < most {
            named.insert(*id, owner.clone());
            *count += 1;
        }
    }
    for id in partitions.keys() {
        if !named.contains_key(id)
            && let Some((least, count)) = load.iter_mut().min_by_key(|(name, count)| {
                (quotas.get(**name).copied().unwrap_or(0) <= **count, **count, **name)
            })
        {
            named.insert(*id, (*least).clone());
            *count += 1;
        }
    }
    named
}

/// How many each may own: the whole divided, and the remainder to as many names in turn. Each service goes on at the name after
/// those that the service before gave its remainder to, so that no process has one of every service. It depends on names
/// alone: what was settled once stays.
fn quotas(partitions: &BTreeMap<PartitionId, Known>, able: &[String]) -> BTreeMap<String, usize> {
    let turn = partitions.keys().next().map_or(0, |id| usize::from(id.number() >> 8));
    let mut names: Vec<String> = able.to_vec();
    names.sort();
    let places = names.len();
    let (each, more) = (partitions.len() / places, partitions.len() % places);
    names.rotate_left(turn * more % places);
    let quota = |place: usize| each + usize::from(place < more);
    names.into_iter().enumerate().map(|(place, name)| (name, quota(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waybill_types::Service;

    fn partitions(owners: &[Option<&str>]) -> BTreeMap<PartitionId, Known> {
        partitions_of(Service::Orders, owners)
    }

    fn partitions_of(service: Service, owners: &[Option<&str>]) -> BTreeMap<PartitionId, Known> {
        let known = |owner: &Option<&str>| Known { owner: owner.map(str::to_owned), wish: None };
        let id = |index: usize| PartitionId::new(service, index as u8);
        owners.iter().enumerate().map(|(index, owner)| (id(index), known(owner))).collect()
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn settled(mut known: BTreeMap<PartitionId, Known>, able: &[String]) -> BTreeMap<PartitionId, Known> {
        for (id, owner) in spread(&known, able) {
            known.entry(id).or_default().owner = Some(owner);
        }
        known
    }

    fn moved(before: &BTreeMap<PartitionId, Known>, after: &BTreeMap<PartitionId, Known>) -> usize {
        before.iter().filter(|(id, known)| after[id].owner != known.owner).count()
    }

    fn counts(known: &BTreeMap<PartitionId, Known>) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for owner in known.values().filter_map(|known| known.owner.clone()) {
            *counts.entry(owner).or_default() += 1;
        }
        counts
    }

    #[test]
    fn joining_and_leaving_move_as_few_as_an_even_spread_allows() {
        let alone = settled(partitions(&[None; 8]), &names(&["a"]));
        assert_eq!(counts(&alone)["a"], 8);
        let two = settled(alone.clone(), &names(&["a", "b"]));
        assert_eq!((moved(&alone, &two), counts(&two)["b"]), (4, 4));
        let three = settled(two.clone(), &names(&["a", "b", "c"]));
        assert_eq!((moved(&two, &three), counts(&three)["c"]), (2, 2));
        let left = settled(three.clone(), &names(&["a", "c"]));
        assert_eq!(
            moved(&three, &left),
            counts(&three)["b"],
            "only what was owned by the one who left moves"
        );
        assert_eq!(counts(&left).values().max(), Some(&4));
    }

    #[test]
    fn what_is_settled_stays() {
        let able = names(&["a", "b", "c"]);
        for service in Service::ALL {
            let uneven =
                partitions_of(service, &[Some("b"), Some("b"), Some("b"), Some("b"), None, None, Some("c")]);
            let even = settled(uneven, &able);
            assert_eq!(moved(&even, &settled(even.clone(), &able)), 0, "{service:?}");
        }
    }

    #[test]
    fn no_process_has_the_remainder_of_every_service() {
        for count in 2..=9 {
            let able: Vec<String> = (0..count).map(|place| format!("east-{place}")).collect();
            // One process owned everything, and then the others joined.
            let first = [Some("east-0"); 8];
            let mut owned: BTreeMap<String, usize> = able.iter().map(|name| (name.clone(), 0)).collect();
            for service in [Service::Orders, Service::Inventory, Service::Fulfillment] {
                for (name, more) in counts(&settled(partitions_of(service, &first), &able)) {
                    *owned.entry(name).or_default() += more;
                }
            }
            let (most, least) = (owned.values().max().unwrap(), owned.values().min().unwrap());
            assert!(most - least <= 1, "{count} processes: {owned:?}");
        }
    }

    #[test]
    fn a_wish_goes_first_and_an_unable_one_is_not_followed() {
        let mut known = partitions(&[Some("a"), Some("a"), Some("b"), Some("b")]);
        known.values_mut().next().unwrap().wish = Some("b".into());
        let wished = spread(&known, &names(&["a", "b"]));
        assert_eq!(wished[&PartitionId::new(Service::Orders, 0)], "b");
        let without = spread(&known, &names(&["a"]));
        assert!(without.values().all(|owner| owner == "a"));
        assert!(spread(&known, &[]).is_empty());
    }

    #[test]
    fn every_partition_has_exactly_one_able_owner_for_any_beginning() {
        let able = names(&["a", "b", "c"]);
        for code in 0..4_usize.pow(5) {
            let owner =
                |place: u32| [None, Some("a"), Some("b"), Some("gone")][code / 4_usize.pow(place) % 4];
            let owners: Vec<Option<&str>> = (0..5).map(owner).collect();
            let named = spread(&partitions(&owners), &able);
            assert_eq!(named.len(), 5, "{owners:?}");
            let most = able.iter().map(|name| named.values().filter(|owner| *owner == name).count()).max();
            assert_eq!(most, Some(2), "{owners:?}");
        }
    }
}
