-- Customers' searches in which the partner came up.
-- Grain: one row per search; equal searches of one day are equal rows
-- Answers: what did customers look for, and what did they do with the answer?
-- Columns:
--   searched_on: the day of the search
--   is_profile_viewed: whether the customer opened the partner's profile
--   is_contact_clicked: whether the customer chose to contact the partner
--   is_referral_submitted: whether the search led to a referral

with search_days as (

    select * from partner_center.search_days

)

select
    partner_market,
    search_date as searched_on,
    details_viewed as is_profile_viewed,
    contact_button_clicked as is_contact_clicked,
    referral_submitted as is_referral_submitted
from search_days
