//! Whether a server keeps what it acknowledges. Knows PostgreSQL's settings; an engine that has none of them by these
//! names, as CockroachDB has not, is believed.

use deadpool_postgres::ClientWrapper;

/// What the server's settings say against it; `Ok(Ok(()))` when nothing does.
pub(crate) async fn check(client: &ClientWrapper) -> Result<Result<(), String>, tokio_postgres::Error> {
    let sql = "SELECT name, setting FROM pg_settings WHERE name IN \
               ('fsync', 'full_page_writes', 'synchronous_commit', 'synchronous_standby_names')";
    let mut settings = Vec::new();
    for row in client.query(sql, &[]).await? {
        settings.push((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?));
    }
    Ok(judge(&settings))
}

fn judge(settings: &[(String, String)]) -> Result<(), String> {
    let get =
        |wanted: &str| settings.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let refuse = |name: &str, value: &str, then: &str| {
        Err(format!("the server runs with {name}={value}: {then}; change it, or allow an unsafe server"))
    };
    if get("fsync") == Some("off") {
        return refuse("fsync", "off", "a power cut can destroy the database");
    }
    if get("full_page_writes") == Some("off") {
        return refuse("full_page_writes", "off", "a power cut can tear pages");
    }
    let standbys = get("synchronous_standby_names").is_some_and(|names| !names.is_empty());
    match get("synchronous_commit") {
        Some("off") => refuse("synchronous_commit", "off", "a crash loses what was acknowledged"),
        Some("local") if standbys => refuse(
            "synchronous_commit",
            "local",
            "the standbys are not waited for, and a fail-over loses what was acknowledged",
        ),
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::judge;

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_server_that_keeps_its_word_is_accepted() {
        let on = [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")];
        assert_eq!(judge(&settings(&on)), Ok(()));
        assert_eq!(judge(&[]), Ok(()), "an engine without these settings");
        assert_eq!(
            judge(&settings(&[("synchronous_commit", "local"), ("synchronous_standby_names", "")])),
            Ok(())
        );
    }

    #[test]
    fn each_setting_that_loses_data_is_named() {
        for (name, value) in [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off")] {
            let told = judge(&settings(&[(name, value)])).expect_err(name);
            assert!(told.contains(&format!("{name}={value}")), "{told}");
        }
        let local = [("synchronous_commit", "local"), ("synchronous_standby_names", "b")];
        assert!(judge(&settings(&local)).is_err());
    }
}
