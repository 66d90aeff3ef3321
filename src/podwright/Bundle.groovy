package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = '6ae93cad9ac9fca4713d55f7f7a02ed007437e87f3082755a3c0265ec6083100'
  static final String JOBS_SUM = 'f5b05a591bf167bb0f94fdd30f506d2b12690470d755a119b76f46611ad50353'

  private static final long serialVersionUID = 1L
}
