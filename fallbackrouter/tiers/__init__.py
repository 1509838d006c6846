"""The places that an answer can come from: a source -> a Verdict; never raises."""
