"""What every training loop here shares: Lightning's Trainer set up alike, its files without pickle, progress."""
