package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '379eccd4db75e6112fdd50f145a7f6252a0a79cbf4ef2328ca73c0a446a98de6'
  static final String JOBS_SUM = 'e5f69d1eb669df7c1e46b3b2dad294b9434769961654571d07b4ebc325af860e'

  private static final long serialVersionUID = 1L
}
