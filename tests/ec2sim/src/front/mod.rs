//! What clients speak: HTTP requests to calls, replies to HTTP responses.
