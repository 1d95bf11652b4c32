//! The pure planner over a petgraph network: problem in, plan and explanation out.
