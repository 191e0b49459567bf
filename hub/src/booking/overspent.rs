//! Sites that gave away more than they held: a cloned store, a restored one, or a hub that was. Found again whenever it is
//! asked, so that nothing of it can be out of date.

use shared::ids::Incarnation;

use crate::hub::{Hub, HubError};
use crate::lives::{SiteCase, SiteCaseKind};

impl Hub {
    /// A case for each lease that was overspent, and one for each site with bookings that no lease covers.
    pub(crate) fn overspent_cases(&self) -> Result<Vec<SiteCase>, HubError> {
        let kind = SiteCaseKind::Overspent;
        let of_lease = |lease: crate::store::LeaseRow| SiteCase {
            id: self.keys.grant_case(&lease.id),
            site: lease.site,
            kind,
            incarnation: lease.life,
            opened: lease.second,
        };
        let mut cases: Vec<SiteCase> = self.store.leases_overspent()?.into_iter().map(of_lease).collect();
        for (site, opened) in self.store.booked_outside()? {
            // Of no life that anybody could name.
            let incarnation = Incarnation([0; 16]);
            cases.push(SiteCase { id: self.keys.site_case(&site, &incarnation), site, kind, incarnation, opened });
        }
        Ok(cases)
    }
}
