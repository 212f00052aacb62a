"""The simulated year, driven through files, commands, stations and a broker, held against an independent calculation."""
