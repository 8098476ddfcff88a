"""What all lessons share: pictures, live views, exercises, the dashboard, the report."""
