# Writes the source that says which commit was built: at every build, for a configuration would soon be
# stale. The file is touched only if it changes. Called with -DSOURCE_DIR, -DTEMPLATE and -DOUTPUT.
set(WARDEN_REVISION unknown)
set(WARDEN_BRANCH unknown)

function(ask_git variable)
  execute_process(COMMAND ${GIT_EXECUTABLE} rev-parse ${ARGN}
                  WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE answer RESULT_VARIABLE failure
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failure AND answer)
    set(${variable} ${answer} PARENT_SCOPE)
  endif()
endfunction()

find_package(Git QUIET)
# A tree without its own .git must not be given the revision of a repository around it.
if(Git_FOUND AND EXISTS ${SOURCE_DIR}/.git)
  ask_git(WARDEN_REVISION --short=12 HEAD)
  ask_git(WARDEN_BRANCH --abbrev-ref HEAD)
endif()
configure_file(${TEMPLATE} ${OUTPUT} @ONLY)
