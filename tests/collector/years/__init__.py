"""The simulated year, through files, commands, stations and a broker, against an independent calculation."""
