//! Where the servers are and who we are to them, out of one URL. What stands before the `@` never comes into an error.

use async_nats::ServerAddr;
use percent_encoding::percent_decode_str;
use waybill_journal::Error;

use crate::options::Access;

/// Reads `nats://user:password@host:4222,host:4222`: the scheme, `nats` or `tls`, is that of every server and may be
/// repeated; who we are stands before the first server or nowhere; a name without a password is a token.
///
/// # Errors
/// [`Error::Options`] saying which server is none, without what is secret in it.
pub fn servers_of(url: &str) -> Result<(Vec<String>, Access), Error> {
    let refuse = |what: &str| Error::Options { what: format!("the URL of the NATS servers {what}") };
    let (scheme, rest) =
        url.split_once("://").ok_or_else(|| refuse("must be like nats://host:4222,host:4222"))?;
    if !matches!(scheme, "nats" | "tls") {
        return Err(refuse(&format!("begins with {scheme:?}: allowed are nats and tls")));
    }
    let mut access = Access::Open;
    let mut servers = Vec::new();
    for (at, server) in rest.split(',').enumerate() {
        let server = server.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")).unwrap_or(server);
        let refuse = |what: &str| refuse(&format!("names as server {} what {what}", at + 1));
        // The parser's own words tell what is wrong and repeat nothing of the text.
        let parsed = format!("{scheme}://{server}").parse::<ServerAddr>();
        let parsed = parsed.map_err(|error| refuse(&format!("cannot be read: {error}")))?.into_inner();
        let host = parsed.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| refuse("has no host"))?;
        if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(refuse("has more behind the port; settings have names of their own"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            if at > 0 {
                return Err(refuse("has a user of its own: name the user before the first server"));
            }
            let text = |part: &str| percent_decode_str(part).decode_utf8().map(String::from);
            let user = (text(parsed.username()), parsed.password().map(text).transpose());
            access = match user {
                (Ok(name), Ok(Some(password))) => Access::User { name, password },
                (Ok(token), Ok(None)) => Access::Token(token),
                _ => return Err(refuse("has a user that is no UTF-8")),
            };
        }
        servers.push(format!("{scheme}://{host}:{}", parsed.port().unwrap_or(4222)));
    }
    Ok((servers, access))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_url_names_all_servers_and_who_asks() {
        let (servers, access) = servers_of("nats://app:p%40ss%2C@a:4222,b,nats://[::1]:4333").expect("sound");
        assert_eq!(servers, ["nats://a:4222", "nats://b:4222", "nats://[::1]:4333"]);
        assert!(matches!(access, Access::User { name, password } if name == "app" && password == "p@ss,"));
        let (servers, access) = servers_of("tls://n1.example:4443/,tls://n2.example").expect("sound");
        assert_eq!(servers, ["tls://n1.example:4443", "tls://n2.example:4222"]);
        assert!(matches!(access, Access::Open));
        let (_, access) = servers_of("nats://s3cret@a").expect("sound");
        assert!(matches!(access, Access::Token(token) if token == "s3cret"));
    }

    #[test]
    fn what_is_no_server_is_refused_and_no_secret_repeated() {
        let wrong = [
            ("host:4222", "must be like"),
            ("http://host:4222", "\"http\""),
            ("ws://app:hunter2@host", "\"ws\""),
            ("nats://", "server 1"),
            ("nats://app:hunter2@host:port", "server 1"),
            ("nats://app:hunter2@host,", "server 2"),
            ("nats://a,app:hunter2@b", "server 2"),
            ("nats://app:hunter2@a,tls://b", "server 2"),
            ("nats://app:hunter2@host/waybill", "behind the port"),
            ("nats://app:hunter2@host?tls=yes", "behind the port"),
            ("nats://app:hunt/er2@host", "server 1"),
        ];
        for (url, named) in wrong {
            let refused = servers_of(url).err().unwrap_or_else(|| panic!("{url} was taken")).to_string();
            assert!(refused.contains(named), "{url}: {refused}");
            assert!(!refused.contains("hunt"), "{refused}");
        }
    }
}
