"""Engines run networks: the protocol, the choice by execution environment, and functions of finished networks."""
