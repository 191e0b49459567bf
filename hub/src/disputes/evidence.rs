//! What lies behind a refusal that is disputed: every sale to the person that a window may have reached.

use chrono::NaiveDate;
use shared::rules::calendar::taipei_day;

use crate::cases::{SaleLine, order};
use crate::conflict;
use crate::hub::{Hub, HubError};
use crate::store::{DisputeRow, SaleRow};

impl Hub {
    /// With the time, the place, how the document was read and how sure the clock was; withdrawn ones too.
    pub(super) fn evidence(&self, row: &DisputeRow) -> Result<Vec<SaleLine>, HubError> {
        let mut sales = self.sales_in_reach(row)?;
        sales.sort_by_key(order);
        let line = |sale: &SaleRow| {
            let buyer = self.unseal_again(&sale.site, &sale.id, &sale.document)?;
            self.sale_line(sale, &buyer)
        };
        sales.iter().map(line).collect()
    }

    /// The person's sales from the first day on that may weigh on the day of the dispute.
    pub(super) fn sales_in_reach(&self, row: &DisputeRow) -> Result<Vec<SaleRow>, HubError> {
        let first = self.first_in_reach(row)?;
        let mut sales = self.store.sales(&row.programme, &row.tag)?;
        sales.retain(|sale| taipei_day(sale.instant) >= first);
        Ok(sales)
    }

    fn first_in_reach(&self, row: &DisputeRow) -> Result<NaiveDate, HubError> {
        Ok(conflict::reach(&self.fresh_versions()?, &row.programme, taipei_day(row.instant)))
    }
}
