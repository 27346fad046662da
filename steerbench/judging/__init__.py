"""Rating answers: panels of judges, and checks of how reliable a judge is."""
