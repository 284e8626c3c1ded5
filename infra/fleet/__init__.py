"""A fleet of devices that are none: they answer as vendors' do, and fail by a script."""
