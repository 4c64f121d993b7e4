# Foreign data are read by the evaluation alone.
target_link_libraries(stage_infer_evaluate PRIVATE evaluation)
