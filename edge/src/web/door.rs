//! The two doors: loopback, for who sits at this computer, and the shop's own network, for browsers that were paired.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::fault::Fault;

/// By which door a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// This computer's own: plain HTTP, nobody else can reach it.
    Loopback,
    /// The shop's network: TLS, and only browsers that were paired.
    Lan,
}

impl Door {
    /// What an address of this door begins with.
    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Loopback => "http",
            Self::Lan => "https",
        }
    }

    /// What is set over TLS is sent back over TLS alone.
    pub(super) fn seal_cookies(self, headers: &mut HeaderMap) {
        if self == Self::Loopback {
            return;
        }
        let header::Entry::Occupied(cookies) = headers.entry(header::SET_COOKIE) else { return };
        let sealed: Vec<HeaderValue> = cookies.remove_entry_mult().1.map(|cookie| secure(&cookie)).collect();
        for cookie in sealed {
            headers.append(header::SET_COOKIE, cookie);
        }
    }

    /// The request names another host than one of this door's.
    pub(super) fn wrong_host(self) -> Fault {
        let (zh, en) = match self {
            Self::Loopback => (
                "此網址不是本站的位址；請使用 http://localhost 加上埠號",
                "this name is not one of this edge's: open http://localhost with the port",
            ),
            Self::Lan => (
                "此網址不是本站的位址；請使用「櫃檯電腦」畫面上的網址",
                "this name is not one of this edge's: open the address that its page about counters shows",
            ),
        };
        Fault::new("host", zh, en)
    }
}

fn secure(cookie: &HeaderValue) -> HeaderValue {
    // What was a header's value is one with a few letters more.
    HeaderValue::from_bytes(&[cookie.as_bytes(), b"; Secure"].concat()).unwrap_or_else(|_| cookie.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cookie_of_the_second_door_is_for_tls_alone() {
        let set = |door: Door| {
            let mut headers = HeaderMap::new();
            for cookie in ["a=1; Path=/", "b=2"] {
                headers.append(header::SET_COOKIE, cookie.parse().unwrap());
            }
            door.seal_cookies(&mut headers);
            headers.get_all(header::SET_COOKIE).iter().map(|it| it.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(set(Door::Loopback), ["a=1; Path=/", "b=2"]);
        assert_eq!(set(Door::Lan), ["a=1; Path=/; Secure", "b=2; Secure"]);
    }
}
