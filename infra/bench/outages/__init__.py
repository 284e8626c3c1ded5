"""What `bench outage` is made of: time that jumps, and a site whose recorder dies."""
