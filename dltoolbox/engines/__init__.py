"""What runs networks: the protocol, the choice by execution environment, and what is asked of finished networks."""
