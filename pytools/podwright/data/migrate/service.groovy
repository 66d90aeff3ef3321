withBuilderPod(pod: [yaml: '''
  spec:
    containers:
      - @container@
''']) {
  checkout scm
@body@
}
