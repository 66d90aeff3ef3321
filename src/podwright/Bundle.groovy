package podwright

/** The SHA-256 of the bundles; `make generate` renews it. */
class Bundle implements Serializable {
  static final String SUM = 'e7fdc220aa1fd5944ae8ba17cf04f2d387b08447cdb6a8e61ba693e5ea86c820'
  static final String JOBS_SUM = 'aaee98ce199d2c0b289c58140e348834d91b629d452141cc9d17840494874f02'

  private static final long serialVersionUID = 1L
}
