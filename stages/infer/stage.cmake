# What names of foreign metrics mean is read by the evaluation, and so built with the program.
target_link_libraries(stage_infer_evaluate PRIVATE evaluation)
add_dependencies(gala-infer gala_eval)
