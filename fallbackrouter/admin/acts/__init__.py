"""What people and programs have the router do, once for the API and the console: audited, and in threads."""
