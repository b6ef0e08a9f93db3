//! One authenticated call to Meta's Graph API: transport, errors, retry, usage, paging.
