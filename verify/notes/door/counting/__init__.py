"""From which number the steps of a note are counted, put into one form."""
