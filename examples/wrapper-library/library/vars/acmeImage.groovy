/**
 * Builds an image as Acme does: its registry, its login, its labels. All parameters of buildImage may be added.
 *
 * @param wanted name, builder, registry, and what else buildImage takes
 * @return what buildImage returns
 */
Map call(Map wanted) {
  Map request = [
    image: "${wanted.registry}/examples/${wanted.name}".toString(),
    context: 'app',
    credentials: 'registry-login',
    labels: ['com.acme.team': env.JOB_NAME ?: 'none'],
  ] + wanted.findAll { entry -> !(entry.key in ['name', 'registry']) }
  return buildImage(request) {
    checkout scm
  }
}
